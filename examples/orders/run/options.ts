/** The command line of `npm start`. */
import { parseArgs } from 'node:util'

export interface Options {
  readonly port: number | undefined
  readonly kafkaPort: number | undefined
  readonly cluster: string | undefined
  readonly data: string
  readonly seed: number
  /** Orders a second; 0 places none, undefined takes the default of the mode. */
  readonly rate: number | undefined
  readonly orders: number | undefined
  readonly importFile: string | undefined
  readonly exit: boolean
}

/** What the user typed is not a command: print the message, end with status 2. */
export class UsageError extends Error {}

const FLAGS = {
  port: { type: 'string', value: 'N', help: 'HTTP port (default 3000, or a free one if that is taken)' },
  'kafka-port': {
    type: 'string',
    value: 'N',
    help: 'port for Kafka clients (default 9092, or a free one if that is taken)',
  },
  data: { type: 'string', value: 'DIR', help: 'directory of the log and the state (default ./data)' },
  cluster: {
    type: 'string',
    value: 'URL',
    help: 'keep the log on this cluster, e.g. kafka://127.0.0.1:9092',
  },
  seed: { type: 'string', value: 'N', help: 'seed of the generated orders (default 1)' },
  rate: { type: 'string', value: 'N', help: 'generated orders a second (default 5; 0 generates none)' },
  orders: { type: 'string', value: 'N', help: 'place N generated orders, as fast as they are taken' },
  import: { type: 'string', value: 'FILE', help: 'place the invoices of a retail CSV file as orders' },
  exit: { type: 'boolean', value: '', help: 'with --orders or --import: end after the last verdict' },
  help: { type: 'boolean', value: '', help: 'print this text' },
} as const

export const HELP = [
  'npm start -- [options]',
  '',
  ...Object.entries(FLAGS).map(([name, { value, help }]) => `  --${`${name} ${value}`.padEnd(18)} ${help}`),
].join('\n')

/** Undefined when help is asked for. Throws UsageError. */
export function readOptions(args: string[]): Options | undefined {
  const values = parsed(args)
  if (values.help === true) return undefined
  const options = {
    port: wholeNumber('port', values.port, 0, 65_535),
    kafkaPort: wholeNumber('kafka-port', values['kafka-port'], 0, 65_535),
    cluster: values.cluster,
    data: values.data ?? './data',
    seed: wholeNumber('seed', values.seed, 0, 2 ** 32 - 1) ?? 1,
    rate: wholeNumber('rate', values.rate, 0, 100_000),
    orders: wholeNumber('orders', values.orders, 1, 100_000_000),
    importFile: values.import,
    exit: values.exit === true,
  }
  if (options.orders !== undefined && options.importFile !== undefined) {
    throw new UsageError('Use --orders or --import, not both.')
  }
  if (options.exit && options.orders === undefined && options.importFile === undefined) {
    throw new UsageError('--exit needs --orders N or --import FILE: without them there is no last verdict.')
  }
  if (options.cluster !== undefined && options.kafkaPort !== undefined) {
    throw new UsageError('--kafka-port is of the log in the data directory: leave it out with --cluster.')
  }
  return options
}

function parsed(args: string[]) {
  try {
    return parseArgs({ args, options: FLAGS, strict: true, allowPositionals: false }).values
  } catch (error) {
    const valid = Object.keys(FLAGS).map(name => `--${name}`)
    throw new UsageError(
      `${(error as Error).message.split('. To specify')[0]}. Valid options: ${valid.join(' ')}`,
      {
        cause: error,
      },
    )
  }
}

function wholeNumber(name: string, text: string | undefined, from: number, to: number): number | undefined {
  if (text === undefined) return undefined
  const value = /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN
  if (value >= from && value <= to) return value
  throw new UsageError(`--${name} needs a whole number from ${from} to ${to}; got ${JSON.stringify(text)}.`)
}
