/** `npm start`: the whole order example in one process. See README.md, or `npm start -- --help`. */
import { join } from 'node:path'
import { isEvertError } from 'evert'
import { serve } from 'evert/service'
import { openingStock } from './generate/catalogue.ts'
import { openLog, orAnyPort } from './run/cluster.ts'
import { checkImportFile } from './run/import-check.ts'
import { goOn, importOrders, type Outcome, placeOrders, type RunContext } from './run/modes.ts'
import { HELP, type Options, readOptions, UsageError } from './run/options.ts'
import { statusLine } from './run/progress.ts'
import { stopSignals } from './run/stop-signals.ts'
import { openShop } from './shop.ts'

/** Resolves to the exit status. */
async function main(options: Options): Promise<number> {
  const stopped = stopSignals()
  const broken = new AbortController()
  const signal = AbortSignal.any([stopped, broken.signal])
  // With --exit the output is the line of figures alone.
  const output = options.exit ? process.stderr : process.stdout
  const line = statusLine(output)
  try {
    await using stack = new AsyncDisposableStack()
    const { cluster, kafkaUrl } = await openLog(options.cluster, options.data, options.kafkaPort)
    stack.use(cluster)
    const onFailure = (service: string, cause: Error) =>
      broken.abort(new Error(`The service "${service}" stopped: ${cause.message}`, { cause }))
    const shop = stack.use(await openShop({ cluster, stateDir: join(options.data, 'state'), onFailure }))
    // The doors open when the shelves are full, or the first orders would fail.
    await shop.target.stock(openingStock)
    const server = stack.use(await orAnyPort(options.port, 3000, port => serve(shop.api.fetch, { port })))
    stack.defer(() => line.end())
    output.write(welcome(server.url, kafkaUrl))

    const { seed, rate } = options
    const { target } = shop
    const outcome = await run(options, {
      url: server.url,
      target,
      line,
      drawn: output.isTTY,
      seed,
      rate,
      signal,
    })
    broken.signal.throwIfAborted()
    if (outcome === undefined) return 0
    line.end()
    process.stdout.write(`${outcome.figures}\n`)
    const { faults, refusals, isVain } = outcome
    for (const refusal of refusals) process.stderr.write(`${refusal}\n`)
    for (const fault of faults) process.stderr.write(`Broken: ${fault}.\n`)
    return faults.length > 0 || isVain ? 1 : 0
  } catch (error) {
    if (broken.signal.aborted) throw broken.signal.reason
    if (!stopped.aborted) throw error
    return options.exit ? 130 : 0
  }
}

/** What was placed or imported; undefined when the run went on until it was stopped. */
async function run(options: Options, context: RunContext): Promise<Outcome | undefined> {
  const { orders, importFile, exit } = options
  let outcome: Outcome | undefined
  if (importFile !== undefined) outcome = await importOrders(importFile, context)
  else if (orders !== undefined) outcome = await placeOrders(orders, context)
  if (exit) return outcome
  if (outcome !== undefined) context.line.show(outcome.figures)
  await goOn(outcome === undefined ? context : { ...context, rate: 0 })
  return undefined
}

function welcome(url: string, kafkaUrl: string): string {
  return [
    `Orders          ${url}/v1/orders`,
    `Open orders     ${url}/v1/orders?fulfilled=false&deliveryLocation=CA&orderValue=100&operator=GreaterThan`,
    `Stock           ${url}/v1/stock/JUMPERS`,
    `Kafka clients   ${kafkaUrl}`,
    '',
  ].join('\n')
}

try {
  const options = readOptions(process.argv.slice(2))
  if (options === undefined) process.stdout.write(`${HELP}\n`)
  else {
    if (options.importFile !== undefined) await checkImportFile(options.importFile)
    process.exitCode = await main(options)
  }
} catch (error) {
  const isTold = error instanceof UsageError || isEvertError(error) || process.env['DEBUG'] === undefined
  process.stderr.write(`${isTold ? (error as Error).message : String((error as Error).stack)}\n`)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
