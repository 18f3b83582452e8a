import { join } from 'node:path'
import { startService } from './service.ts'
import { serviceWorks, type StartService } from './service-work.ts'

export const startEvert: StartService = ({
  work,
  brokers,
  applicationId,
  output,
  stateDir,
  commitIntervalMs,
}) =>
  startService(process.execPath, [
    ...process.execArgv,
    join(import.meta.dirname, 'evert-service.ts'),
    work,
    brokers,
    applicationId,
    output,
    stateDir,
    String(commitIntervalMs),
  ])

export const works = serviceWorks(startEvert)
