import { access, constants, stat } from 'node:fs/promises'
import { UsageError } from './options.ts'

/** Throws UsageError for what cannot be imported, before anything is started for it. */
export async function checkImportFile(file: string): Promise<void> {
  try {
    const found = await stat(file)
    // It is read twice, which a pipe cannot be.
    if (!found.isFile()) {
      const what = found.isDirectory() ? 'a directory' : 'no regular file'
      throw new UsageError(`--import needs a CSV file; ${file} is ${what}.`)
    }
    await access(file, constants.R_OK)
  } catch (error) {
    if (error instanceof UsageError) throw error
    const words = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'it is not there' : String(error)
    throw new UsageError(`--import cannot read ${file}: ${words}.`, { cause: error })
  }
}
