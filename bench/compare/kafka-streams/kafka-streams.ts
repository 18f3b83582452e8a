import { startService } from './service.ts'
import { serviceWorks, type StartService } from './service-work.ts'

/** Its heap may grow to this size; what Java would take by itself is a quarter of the machine's memory. */
const HEAP = '-Xmx1g'

export const startKafkaStreams: StartService = ({
  work,
  brokers,
  applicationId,
  output,
  stateDir,
  commitIntervalMs,
}) =>
  startService('java', [
    HEAP,
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
    '-cp',
    process.env.COMPARE_CLASS_PATH as string,
    'Service',
    work,
    brokers,
    applicationId,
    output,
    stateDir,
    String(commitIntervalMs),
  ])

export const works = serviceWorks(startKafkaStreams)
