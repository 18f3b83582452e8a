/** Name of what a task's commit reflects, among the metadata that is committed with it. */
export const POSITION_MARK = 'position'

/** As text: the next offset of each of the task's inputs. */
export function writePosition(offsets: ReadonlyMap<string, number>): string {
  return JSON.stringify([...offsets])
}

export function readPosition(mark: string | undefined): ReadonlyMap<string, number> {
  return new Map(mark === undefined ? [] : (JSON.parse(mark) as [string, number][]))
}
