/** The user's functions, without their types: the DSL checks the types where the topology is written. */
export type Predicate = (value: unknown, key: unknown) => boolean
export type Mapper = (value: unknown, key: unknown) => unknown
export type Joiner = (left: unknown, right: unknown, key: unknown) => unknown
export type Initializer = () => unknown
export type Aggregator = (aggregate: unknown, value: unknown, key: unknown) => unknown
export type Reducer = (aggregate: unknown, value: unknown) => unknown
