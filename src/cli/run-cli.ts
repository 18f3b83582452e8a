import { EvertError } from '../errors.ts'
import { type Arguments, type Command, type Output, parseCommand, UsageError, usageOf } from './command.ts'
import { describe } from './describe.ts'
import { groups } from './groups.ts'
import { rewind } from './rewind.ts'
import { table } from './table.ts'
import { topics } from './topics.ts'

const COMMANDS: readonly Command[] = [rewind, describe, groups, topics]
const CLUSTER_HELP = 'file:DIRECTORY, or kafka://host:port[,host:port…]'

/** Runs one command line. Resolves to the status of the process: 0 done, 1 refused or failed, 2 not understood. */
export async function runCli(args: readonly string[], output: Output): Promise<number> {
  const [verb, ...rest] = args
  if (verb === undefined || verb === '--help' || verb === '-h' || verb === 'help') {
    output.out(overview())
    return verb === undefined ? 2 : 0
  }
  const command = COMMANDS.find(({ name }) => name === verb)
  if (command === undefined) {
    output.error(`evert: there is no command "${verb}".\n\n${overview()}`)
    return 2
  }
  try {
    const given = parseCommand(command, rest)
    if (given.flag('help')) {
      output.out(helpOf(command))
      return 0
    }
    await command.run(given, requireAll(command, given), output)
    return 0
  } catch (error) {
    if (error instanceof UsageError) {
      output.error(
        `evert ${verb}: ${error.message}\n\n  ${usageOf(command)}\n\nevert ${verb} --help tells more.`,
      )
      return 2
    }
    if (!(error instanceof EvertError)) throw error
    output.error(`evert ${verb}: ${error.message}`)
    return 1
  }
}

/** The URL of the cluster, when nothing is missing. */
function requireAll({ positionals }: Command, given: Arguments): string {
  const missing = positionals[given.positionals.length]
  if (missing !== undefined) throw new UsageError(`${missing} is missing.`)
  const extra = given.positionals[positionals.length]
  if (extra !== undefined) throw new UsageError(`"${extra}" is one argument too many.`)
  const cluster = given.text('cluster')
  if (cluster === undefined) throw new UsageError(`--cluster is missing: ${CLUSTER_HELP}`)
  return cluster
}

function overview(): string {
  const lines = table(COMMANDS.map(({ name, summary }) => [`  ${name}`, summary]))
  return `evert COMMAND --cluster URL …\n\n${lines}\n\nevert COMMAND --help tells more.`
}

function helpOf(command: Command): string {
  const options = [
    ['  --cluster URL', CLUSTER_HELP],
    ...command.options.map(({ name, value, help }) => [
      `  --${name}${value === undefined ? '' : ` ${value}`}`,
      help,
    ]),
  ]
  return [usageOf(command), '', command.summary, '', table(options), '', command.details].join('\n').trimEnd()
}
