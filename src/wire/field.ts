/**
 * The vocabulary in which message definitions are written: one function per primitive type of the Kafka protocol,
 * plus `array` and `struct`. A definition is data; types are inferred from it, encoders and decoders are compiled
 * from it once per version (see message.ts).
 */

/** `'3'`, `'3+'`, `'3-7'`: the versions of a message in which a field exists or may be null. */
export type Versions = `${number}` | `${number}+` | `${number}-${number}`

export interface FieldOptions<T> {
  /** Versions in which the field is on the wire. Default: all. */
  readonly versions?: Versions
  /** Versions in which the field may be null. Default: none. */
  readonly nullable?: Versions
  /** The value of a field that a version does not carry, or that the writer leaves out. Default: zero, empty. */
  readonly default?: T | null
  /** The field is a tagged field with this number, in the versions `tagged` (default: all that have it). */
  readonly tag?: number
  readonly tagged?: Versions
  /** A version without this field may silently drop its value. Default: encoding a non-default value throws. */
  readonly ignorable?: true
}

export type Kind =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'int64'
  | 'float64'
  | 'uuid'
  | 'string'
  | 'bytes'
  | 'records'
  | 'array'
  | 'struct'

/** One field of a message. `Output` is what a decoder gives; `Optional` says whether a writer may leave it out. */
export interface Field<Output, Optional extends boolean = boolean> {
  readonly kind: Kind
  readonly options: FieldOptions<unknown>
  /** Of an array: its element. */
  readonly element?: Field<unknown>
  /** Of a struct: its fields. */
  readonly fields?: Fields
  /** Only for the type checker. */
  readonly output?: Output
  readonly optional?: Optional
}

export type Fields = { readonly [name: string]: Field<unknown> }

/** What a decoder gives and a handler may rely on: every field is there. */
export type Message<F extends Fields> = { -readonly [Name in keyof F]: OutputOf<F[Name]> }

/** What a writer hands in: fields with a default, a tag or limited versions may be left out. */
export type MessageInput<F extends Fields> = {
  [Name in keyof F as IsOptional<F[Name]> extends true ? never : Name]: InputOf<F[Name]>
} & { [Name in keyof F as IsOptional<F[Name]> extends true ? Name : never]?: InputOf<F[Name]> | undefined }

type OutputOf<F> = F extends Field<infer Output> ? Output : never
type IsOptional<F> = F extends Field<unknown, infer Optional> ? Optional : never
type InputOf<F> = F extends { readonly element: infer Element; readonly nullableElement: infer Null }
  ? InputOf<Element>[] | Null
  : F extends { readonly fields: infer S extends Fields; readonly nullableStruct: infer Null }
    ? MessageInput<S> | Null
    : OutputOf<F>

type OptionalBy<O> = O extends { default: unknown }
  ? true
  : O extends { versions: string }
    ? true
    : O extends { tag: number }
      ? true
      : false
type NullBy<O> = O extends { nullable: string } ? null : never

function primitive<T>(kind: Kind) {
  return <const O extends FieldOptions<T>>(options?: O): Field<T | NullBy<O>, OptionalBy<O>> => ({
    kind,
    options: options ?? {},
  })
}

export const bool = primitive<boolean>('bool')
export const int8 = primitive<number>('int8')
export const int16 = primitive<number>('int16')
export const uint16 = primitive<number>('uint16')
export const int32 = primitive<number>('int32')
/** A number, exact up to 2^53: offsets, timestamps and producer ids of real clusters fit. */
export const int64 = primitive<number>('int64')
export const float64 = primitive<number>('float64')
/** 16 bytes, written as 22 characters of base64url, as Kafka prints topic ids. */
export const uuid = primitive<string>('uuid')
export const string = primitive<string>('string')
export const bytes = primitive<Buffer>('bytes')
/** Record batches, verbatim: opaque bytes at this level. */
export const records = primitive<Buffer>('records')

export interface ArrayField<Element, Null, Optional extends boolean, Output>
  extends Field<Output[] | Null, Optional> {
  readonly element: Element & Field<unknown>
  readonly nullableElement: Null
}

/** An array of structs (given as their fields) or of primitives. */
export function array<const F extends Fields, const O extends FieldOptions<never[]> = Record<never, never>>(
  element: F,
  options?: O,
): ArrayField<StructField<F, never, false>, NullBy<O>, OptionalBy<O>, Message<F>> {
  return {
    kind: 'array',
    options: options ?? {},
    element: struct(element),
    nullableElement: undefined as unknown as NullBy<O>,
  }
}

/** An array of primitives. */
export function list<T, const O extends FieldOptions<T[]> = Record<never, never>>(
  element: Field<T>,
  options?: O,
): Field<T[] | NullBy<O>, OptionalBy<O>> {
  return { kind: 'array', options: options ?? {}, element }
}

export interface StructField<F extends Fields, Null, Optional extends boolean>
  extends Field<Message<F> | Null, Optional> {
  readonly fields: F
  readonly nullableStruct: Null
}

export function struct<const F extends Fields, const O extends FieldOptions<never> = Record<never, never>>(
  fields: F,
  options?: O,
): StructField<F, NullBy<O>, OptionalBy<O>> {
  return {
    kind: 'struct',
    options: options ?? {},
    fields,
    nullableStruct: undefined as unknown as NullBy<O>,
  }
}
