import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import {
  int64,
  json,
  type KGroupedTable,
  type KTable,
  StreamsBuilder,
  string,
  topic,
} from '../../src/index.ts'
import { type TestDriver, testDriver } from '../../src/testing/index.ts'
import { sendAll } from './pairs.ts'

const MIN_DURATION_MS = 30_000
const FIVE = 5

const Song = z.object({
  id: z.number(),
  album: z.string(),
  artist: z.string(),
  name: z.string(),
  genre: z.string(),
})
const PlayEvent = z.object({ songId: z.number(), durationMs: z.number() })
const SongPlays = z.object({ songId: z.number(), plays: z.number() })

type Song = z.infer<typeof Song>
type SongPlays = z.infer<typeof SongPlays>

const plays = topic('play-events', { key: string, value: json(PlayEvent) })
const songs = topic('song-feed', { key: int64, value: json(Song) })

const catalogue: Song[] = [
  ['Fresh Fruit For Rotting Vegetables', 'Dead Kennedys', 'Chemical Warfare', 'Punk'],
  ['We Are the League', 'Anti-Nowhere League', 'Animal', 'Punk'],
  ['Live In A Dive', 'Subhumans', 'All Gone Dead', 'Punk'],
  ['PSI', 'Wheres The Pope?', 'Fear Of God', 'Punk'],
  ['Totally Exploited', 'The Exploited', 'Punks Not Dead', 'Punk'],
  ['The Audacity Of Hype', 'Jello Biafra', 'Three Strikes', 'Punk'],
  ['Licensed to Ill', 'The Beastie Boys', 'Fight For Your Right', 'Hip Hop'],
  ['De La Soul Is Dead', 'De La Soul', "Oodles Of O's", 'Hip Hop'],
  ['Straight Outta Compton', 'N.W.A', 'Gangsta Gangsta', 'Hip Hop'],
  ['Fear Of A Black Planet', 'Public Enemy', '911 Is A Joke', 'Hip Hop'],
  ['Curtain Call - The Hits', 'Eminem', 'Fack', 'Hip Hop'],
  ['25', 'Adele', 'Hello', 'Pop'],
].map(([album = '', artist = '', name = '', genre = ''], row) => ({
  id: row + 1,
  album,
  artist,
  name,
  genre,
}))

const byPlays = (a: SongPlays, b: SongPlays): number => b.plays - a.plays || a.songId - b.songId

/** The five most played of each group. All songs of the group are kept in order, so that one that drops out comes back. */
function topFive(grouped: KGroupedTable<string, SongPlays>, store: string): KTable<string, SongPlays[]> {
  return grouped
    .aggregate(
      (): readonly SongPlays[] => [],
      (chart, song) => [...chart, song].toSorted(byPlays),
      (chart, { songId }) => chart.filter(other => other.songId !== songId),
    )
    .map(chart => chart.slice(0, FIVE), { store })
}

function musicCharts(): TestDriver {
  const builder = new StreamsBuilder()
  const allSongs = builder.table(songs, { store: 'all-songs' })
  const playCounts = builder
    .stream(plays)
    .filter(({ durationMs }) => durationMs >= MIN_DURATION_MS)
    .selectKey(({ songId }) => songId, { key: int64 })
    .leftJoin(allSongs, (_play, song) => song, { value: json(Song) })
    .filter(song => song !== null)
    .groupBy(song => song, { key: json(Song) })
    .count({ store: 'song-play-count' })
  const group = (chartOf: (song: Song) => string) =>
    playCounts.groupBy((plays, song) => [chartOf(song), { songId: song.id, plays }], {
      key: string,
      value: json(SongPlays),
    })
  topFive(
    group(({ genre }) => genre.toLowerCase()),
    'top-five-songs-by-genre',
  )
  topFive(
    group(() => 'all'),
    'top-five-songs',
  )
  return testDriver(builder)
}

function play(
  driver: TestDriver,
  songId: number,
  { times, durationMs }: { times: number; durationMs: number },
) {
  const event = ['UK', { songId, durationMs }] as const
  sendAll(
    driver,
    plays,
    Array.from({ length: times }, () => event),
  )
}

/** A chart as it is shown: what the song is, and how often it was played. */
function chart(driver: TestDriver, store: string, key: string) {
  const row = driver.row<string, SongPlays[]>(store, key)
  return row?.value.map(({ songId, plays }) => {
    const song = driver.row<number, Song>('all-songs', songId)?.value
    return { artist: song?.artist, album: song?.album, name: song?.name, plays }
  })
}

function shown(row: number, plays: number) {
  const { artist, album, name } = catalogue[row] ?? assert.fail()
  return { artist, album, name, plays }
}

test('the five most played songs, of each genre and of all', () => {
  const driver = musicCharts()
  sendAll(
    driver,
    songs,
    catalogue.map(song => [song.id, song]),
  )
  for (const first of [0, 6]) {
    for (let row = 0; row < 6; row++) {
      play(driver, first + row + 1, { times: 6 - row, durationMs: MIN_DURATION_MS })
    }
  }
  play(driver, 12, { times: 10, durationMs: MIN_DURATION_MS - 1 })

  const genre = 'top-five-songs-by-genre'
  assert.deepEqual(
    chart(driver, genre, 'punk'),
    [6, 5, 4, 3, 2].map((plays, place) => shown(place, plays)),
  )
  assert.deepEqual(
    chart(driver, genre, 'hip hop'),
    [6, 5, 4, 3, 2].map((plays, place) => shown(6 + place, plays)),
  )
  assert.deepEqual(chart(driver, genre, 'pop'), [shown(11, 1)])
  assert.deepEqual(chart(driver, 'top-five-songs', 'all'), [
    shown(0, 6),
    shown(6, 6),
    shown(1, 5),
    shown(7, 5),
    shown(2, 4),
  ])

  play(driver, 6, { times: 2, durationMs: MIN_DURATION_MS })
  assert.deepEqual(
    driver.row<string, SongPlays[]>(genre, 'punk')?.value.map(({ songId }) => songId),
    [1, 2, 3, 4, 6],
    'a song that was out of the five is known with its plays when it comes in',
  )
})
