import { test } from 'node:test'
import { scenarios } from './scenarios.ts'

for (const [name, run] of Object.entries(scenarios)) test(`under node:test: ${name}`, run)
