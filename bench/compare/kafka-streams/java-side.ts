import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { mavenJars } from '../../../test/interop/maven-jars.ts'

const java = join(import.meta.dirname, 'java')

/** Compiles the service into a directory; resolves to the class path to run it with. */
export async function compileService(directory: string): Promise<string> {
  const lib = await mavenJars(join(java, 'pom.xml'), 'kafka-streams-4.3.1')
  const jars = join(lib, '*')
  await promisify(execFile)('javac', ['-cp', jars, '-d', directory, join(java, 'Service.java')])
  return `${directory}:${jars}`
}
