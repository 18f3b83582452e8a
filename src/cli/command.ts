import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'

/** Where a command writes; each call is one line or more. */
export interface Output {
  readonly out: (text: string) => void
  readonly error: (text: string) => void
}

/** What was written behind the verb, checked against the command's options. */
export interface Arguments {
  readonly positionals: readonly string[]
  /** Undefined when it was not given. */
  text(name: string): string | undefined
  flag(name: string): boolean
  /** Separated by commas; undefined when it was not given. */
  list(name: string): string[] | undefined
}

/** One verb of the command line. */
export interface Command {
  readonly name: string
  readonly summary: string
  /** Names of the positional arguments; all are required. */
  readonly positionals: readonly string[]
  /** Options beyond `--cluster` and `--help`, as they are written and explained in the help. */
  readonly options: readonly CommandOption[]
  /** What the help says below the options. */
  readonly details: string
  run(given: Arguments, clusterUrl: string, output: Output): Promise<void>
}

export interface CommandOption {
  readonly name: string
  /** What stands for its value; undefined for a flag. */
  readonly value?: string
  /** It must be given. Default false. */
  readonly isRequired?: boolean
  readonly help: string
}

/** The command line is not what the command takes: told with where its help is, and status 2. */
export class UsageError extends Error {}

export function parseCommand(command: Command, args: readonly string[]): Arguments {
  const options: ParseArgsOptionsConfig = {
    cluster: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  }
  for (const { name, value } of command.options) {
    options[name] = { type: value === undefined ? 'boolean' : 'string' }
  }
  const { values, positionals, tokens } = parsed(args, options)
  const named = tokens.flatMap(token => (token.kind === 'option' ? [token.name] : []))
  const twice = named.find((name, i) => options[name]?.type === 'string' && named.indexOf(name) < i)
  if (twice !== undefined) throw new UsageError(`--${twice} is given twice; it has one value.`)
  const text = (name: string): string | undefined => {
    const value = values[name]
    return typeof value === 'string' ? value : undefined
  }
  return {
    positionals,
    text,
    flag: name => values[name] === true,
    list: name =>
      text(name)
        ?.split(',')
        .map(each => each.trim())
        .filter(each => each !== ''),
  }
}

function parsed(args: readonly string[], options: ParseArgsOptionsConfig) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, tokens: true })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

export function usageOf({ name, positionals, options }: Command): string {
  const parts = options.map(({ name, value, isRequired = false }) => {
    const option = value === undefined ? `--${name}` : `--${name} ${value}`
    return isRequired ? option : `[${option}]`
  })
  return ['evert', name, ...positionals, '--cluster URL', ...parts].join(' ')
}
