/**
 * Avro values, over the package `avsc` (an optional peer dependency): `evert/avro`.
 *
 *   import { avro } from 'evert/avro'
 */
export { avro, type AvroOptions } from './avro.ts'
export type { AvroField, AvroObject, AvroSchema, AvroValue } from './avro-value.ts'
