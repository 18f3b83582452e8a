import { EvertError } from '../../errors.ts'
import type { RecordContext } from './process-context.ts'
import type { Processor, ProcessorContext, ProcessorFactory } from './processor.ts'
import type { StreamRecord } from './stream-record.ts'

/** The name of the topic that a record is written to. */
export type TopicChooser = (value: unknown, key: unknown, record: RecordContext) => string

/**
 * Sends each record to the sink of the topic that a function names (Kafka Streams: TopicNameExtractor). The children
 * are the sinks of `topics`, in this order; another name is a failure of the record.
 */
export function topicRouter(choose: TopicChooser, topics: readonly string[]): ProcessorFactory {
  return (context, _next, children) => new TopicRouter(choose, topics, [context, children])
}

class TopicRouter implements Processor {
  readonly #choose: TopicChooser
  readonly #context: ProcessorContext
  readonly #sinks: ReadonlyMap<string, Processor>

  constructor(
    choose: TopicChooser,
    topics: readonly string[],
    [context, children]: readonly [ProcessorContext, readonly Processor[]],
  ) {
    this.#choose = choose
    this.#context = context
    this.#sinks = new Map(topics.map((topic, index) => [topic, children[index] as Processor]))
  }

  process(record: StreamRecord): void {
    const { task, node } = this.#context
    task.node = node
    const { key, value, timestamp, headers } = record
    const topic = this.#choose(value === null ? null : value.value, key === null ? null : key.value, {
      timestamp,
      headers,
      source: task.source,
    })
    const sink = this.#sinks.get(topic)
    if (sink === undefined) {
      throw new EvertError(
        'INVALID_VALUE',
        `The topic ${JSON.stringify(topic)} is not among those that "${node}" may write to: ` +
          `${[...this.#sinks.keys()].join(', ')}. Declare it in { topics: […] }.`,
      )
    }
    sink.process(record)
  }
}
