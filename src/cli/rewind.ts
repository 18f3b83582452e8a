import { rewindApplication, type Rewind } from '../app/rewind-application.ts'
import type { Command } from './command.ts'
import { parseTarget, TARGETS } from './rewind-target.ts'
import { table } from './table.ts'

export const rewind: Command = {
  name: 'rewind',
  summary: 'Makes an application process its inputs again, with empty state.',
  positionals: ['APP'],
  options: [
    { name: 'to', value: 'WHERE', isRequired: true, help: TARGETS },
    { name: 'topics', value: 'A,B', help: 'moves these inputs alone; the others stay where they are' },
    { name: 'dry-run', help: 'shows what would be done, and does nothing' },
    {
      name: 'force',
      help: 'asks instances that run to stop, and takes those that do not answer out of the group',
    },
    { name: 'state-dir', value: 'DIR', help: "the application's stateDir: what is there is dropped at once" },
    {
      name: 'internal-topics',
      value: 'A,B',
      help: 'deletes these too, of those that are listed as not known',
    },
  ],
  details: `Its changelogs and repartition topics are deleted, and each instance drops its local state when it starts next.
Output topics stay as they are: what is processed again is written there again. State begins empty wherever the
inputs begin: it then holds what follows from there, and nothing from before.

Refused while instances run. A rewind that did not come to its end is made again; until then none starts.
Status: 0 done, 1 refused or failed, 2 not understood.`,
  async run(given, cluster, { out }) {
    const [applicationId = ''] = given.positionals
    const [topics, internalTopics, stateDir] = [
      given.list('topics'),
      given.list('internal-topics'),
      given.text('state-dir'),
    ]
    const result = await rewindApplication(applicationId, {
      cluster,
      to: parseTarget(given.text('to') ?? '', Date.now()),
      dryRun: given.flag('dry-run'),
      force: given.flag('force'),
      ...(topics !== undefined && { topics }),
      ...(internalTopics !== undefined && { internalTopics }),
      ...(stateDir !== undefined && { stateDir }),
    })
    out(inWords(result))
  },
}

function inWords(result: Rewind): string {
  const { applicationId, isDone, inputs, members, group } = result
  const did = (done: string, would: string): string => (isDone ? done : would)
  const parts = [
    did(
      `"${applicationId}" was rewound.`,
      `A rewind of "${applicationId}" would do this; nothing is changed.`,
    ),
    table([
      ['TOPIC', 'PARTITION', 'COMMITTED', 'TO', 'READ AGAIN', 'LEFT OUT'],
      ...inputs.map(({ topic, partition, committed, to, replayed, skipped }) => [
        topic,
        String(partition),
        String(committed ?? '-'),
        String(to ?? '-'),
        String(replayed),
        String(skipped),
      ]),
    ]),
    listed(
      did('Deleted, with the state that they hold:', 'Deleted, with the state that they hold, would be:'),
      [
        ...result.internalTopics.map(topic => `topic ${topic}`),
        ...(group === undefined ? [] : [`group ${group}, which is made again with the offsets above`]),
        ...result.stateDirectories.map(directory => `local state in ${directory}`),
      ],
    ),
    'Instances with state elsewhere drop it when they start next.',
    listed(
      'Output topics stay as they are, and get again what is processed again:',
      result.outputTopics.map(topic => `topic ${topic}`),
    ),
    listed(
      `Not known to be of "${applicationId}", and left (--internal-topics deletes them):`,
      result.unknownTopics.map(topic => `topic ${topic}`),
    ),
    listed(
      did('Instances that were stopped:', 'Instances that run now, and stand in the way without --force:'),
      members,
    ),
  ]
  return parts.filter(part => part !== '').join('\n\n')
}

function listed(title: string, entries: readonly string[]): string {
  return entries.length === 0 ? '' : [title, ...entries.map(entry => `  ${entry}`)].join('\n')
}
