import type { Cell } from './cell.ts'
import type { Aggregator, Initializer, Reducer } from './functions.ts'

/** How a window's row follows its records; `row` is undefined for the first. */
export type WindowFold = (row: unknown, value: Cell, key: Cell) => unknown

export const countFold: WindowFold = row => (row === undefined ? 1 : (row as number) + 1)

export function reduceFold(reducer: Reducer): WindowFold {
  return (row, value) => (row === undefined ? value.value : reducer(row, value.value))
}

export function aggregateFold(initializer: Initializer, aggregator: Aggregator): WindowFold {
  return (row, value, key) => aggregator(row === undefined ? initializer() : row, value.value, key.value)
}
