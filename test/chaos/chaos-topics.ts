import type { Cluster } from '../../src/client/cluster.ts'
import { Producer } from '../../src/client/producer.ts'
import { BASE_MS, users } from './shop.ts'
import { USERS } from './writer.ts'

/** The table that visits are joined with: all of it is there before the first of them. */
export async function appendUsers(cluster: Cluster): Promise<void> {
  await using producer = new Producer(cluster)
  for (let index = 0; index < USERS; index++) {
    const key = Buffer.from(`user-${index}`)
    producer.append(users.name, undefined, BASE_MS - 1, key, Buffer.from(`name-${index}`), [])
  }
}
