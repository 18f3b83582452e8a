/**
 * Builds `dist`: JavaScript and declarations from src, and the LMDB binding as one file.
 *
 * The npm package `lmdb` and one of its dependencies have install scripts, which the published package must not bring
 * along. Its JavaScript is therefore bundled (with its licences) into dist/vendor, and its prebuilt binaries come as
 * optional dependencies that have no scripts.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const root = join(import.meta.dirname, '..')
const vendor = join(root, 'dist/vendor/lmdb')

rmSync(join(root, 'dist'), { recursive: true, force: true })
execFileSync(join(root, 'node_modules/.bin/tsc'), ['--project', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
})
await bundleLmdb()
console.log('Built dist.')

async function bundleLmdb(): Promise<void> {
  const modules = join(root, 'node_modules')
  const bundled = [
    'lmdb',
    'msgpackr',
    'ordered-binary',
    'weak-lru-cache',
    '@harperfast/extended-iterable',
    'node-gyp-build-optional-packages',
  ]
  await build({
    entryPoints: [join(modules, 'lmdb/dist/index.cjs')],
    outfile: join(vendor, 'dist/index.cjs'),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    external: ['msgpackr-extract'],
    logLevel: 'warning',
  })
  // The loader of the binary finds its platform package by the name in the package.json one folder up.
  const { version, license } = JSON.parse(readFileSync(join(modules, 'lmdb/package.json'), 'utf8')) as {
    version: string
    license: string
  }
  writeFileSync(
    join(vendor, 'package.json'),
    JSON.stringify({ name: 'lmdb', version, license, private: true }),
  )
  mkdirSync(join(vendor, 'licenses'), { recursive: true })
  for (const name of bundled) {
    const licence = join(modules, name, 'LICENSE')
    const target = join(vendor, 'licenses', name.replaceAll('/', '-'))
    // One of them names its licence in its package.json only.
    cpSync(existsSync(licence) ? licence : join(modules, name, 'package.json'), target)
  }
}
