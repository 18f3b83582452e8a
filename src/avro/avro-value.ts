/** A schema of Avro as JSON has it: the name of a type, a list (a union), or an object. */
export type AvroSchema = string | readonly AvroSchema[] | AvroObject

export interface AvroObject {
  readonly type: AvroSchema
  readonly name?: string
  readonly fields?: readonly AvroField[]
  readonly symbols?: readonly string[]
  readonly items?: AvroSchema
  readonly values?: AvroSchema
  readonly size?: number
  readonly [more: string]: unknown
}

export interface AvroField {
  readonly name: string
  readonly type: AvroSchema
  readonly [more: string]: unknown
}

interface Primitives {
  null: null
  boolean: boolean
  int: number
  long: number
  float: number
  double: number
  bytes: Buffer
  string: string
}

/** The type of the values of a schema that is written as a literal. What is referred to by name is unknown. */
export type AvroValue<S> = S extends keyof Primitives
  ? Primitives[S]
  : S extends readonly unknown[]
    ? AvroValue<S[number]>
    : S extends { readonly type: 'record'; readonly fields: readonly AvroField[] }
      ? { -readonly [F in S['fields'][number] as F['name']]: AvroValue<F['type']> }
      : S extends { readonly type: 'enum'; readonly symbols: readonly string[] }
        ? S['symbols'][number]
        : S extends { readonly type: 'array'; readonly items: AvroSchema }
          ? AvroValue<S['items']>[]
          : S extends { readonly type: 'map'; readonly values: AvroSchema }
            ? { [key: string]: AvroValue<S['values']> }
            : S extends { readonly type: 'fixed' }
              ? Buffer
              : S extends { readonly type: AvroSchema }
                ? AvroValue<S['type']>
                : unknown
