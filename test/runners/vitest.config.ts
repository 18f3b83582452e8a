import { defineConfig } from 'vitest/config'

// `evert` is its own sources here: a user's project needs no condition.
// oxlint-disable-next-line import/no-default-export -- as vitest wants it
export default defineConfig({
  test: { include: ['vitest.spec.ts'] },
  resolve: { conditions: ['evert-source'] },
  ssr: { resolve: { conditions: ['evert-source'] } },
})
