import { int64, string } from '../../contracts/codecs.ts'
import { topic } from '../../contracts/topic.ts'
import { StreamsBuilder } from './streams-builder.ts'

const texts = topic('texts', { key: string, value: string })
const numbers = topic('numbers', { key: string, value: int64 })
const stream = new StreamsBuilder().stream(texts)

stream.to(texts, { partition: (value, key, numPartitions) => (value.length + key.length) % numPartitions })
stream.to((value, key, { source }) => source?.topic ?? value + key, {
  topics: [texts],
  partition: () => [0, 1],
})

// @ts-expect-error the topic's values are numbers
stream.to(() => 'numbers', { topics: [numbers] })
// @ts-expect-error the topics are declared
stream.to(() => 'texts')
// @ts-expect-error at least one
stream.to(() => 'texts', { topics: [] })
// @ts-expect-error a topic is named by text
stream.to(() => 5, { topics: [texts] })
// @ts-expect-error a partition is a number
stream.to(texts, { partition: value => value })
