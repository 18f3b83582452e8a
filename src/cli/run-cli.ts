import { existsSync } from 'node:fs'
import { logDirectory } from '../broker/log-directory.ts'
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
function requireAll({ positionals, options }: Command, given: Arguments): string {
  const missing = positionals[given.positionals.length]
  if (missing !== undefined) throw new UsageError(`${missing} is missing.`)
  const extra = given.positionals[positionals.length]
  if (extra !== undefined) throw new UsageError(`"${extra}" is one argument too many.`)
  const cluster = given.text('cluster')
  if (cluster === undefined) throw new UsageError(`--cluster is missing: ${CLUSTER_HELP}.`)
  const option = options.find(({ name, isRequired }) => isRequired === true && given.text(name) === undefined)
  if (option !== undefined) throw new UsageError(`--${option.name} is missing: ${option.help}.`)
  // A command looks at what is there: it makes no log, least of all where a path is mistyped.
  if (cluster.startsWith('memory:')) {
    throw new UsageError(
      `the log of "${cluster}" is in the process that made it, and out of reach for others.`,
    )
  }
  if (cluster.startsWith('file:') && !existsSync(logDirectory(cluster))) {
    throw new EvertError('INVALID_ARGUMENT', `There is no log in ${logDirectory(cluster)}.`)
  }
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
