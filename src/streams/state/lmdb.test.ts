import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LmdbEngine } from './lmdb.ts'
import { stateEngineContract } from './state-engine-contract.ts'

const newDirectory = () => mkdtempSync(join(tmpdir(), 'evert-lmdb-'))

stateEngineContract('lmdb', () => {
  const directory = newDirectory()
  return () => new LmdbEngine(directory)
})
