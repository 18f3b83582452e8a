import { test } from '@jest/globals'
import { failing, scenarios } from './scenarios.ts'

if (process.env['EVERT_FAILING']) test('a difference', failing)
else for (const [name, run] of Object.entries(scenarios)) test(name, run)
