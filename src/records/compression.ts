import { constants, gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { EvertError } from '../errors.ts'
import { malformed } from './malformed.ts'

/** How the records of a batch are compressed, by the names of Kafka's `compression.type`. */
export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

/**
 * The most that one batch may decompress to. A batch is bounded by `max.message.bytes` when it is compressed, but a
 * hostile one can claim to hold a thousand times as much.
 */
export const MAX_DECOMPRESSED_BYTES = 128 * 1024 * 1024

interface Compressor {
  readonly name: Compression
  compress(records: Buffer): Buffer
  decompress(records: Buffer, maxOutputLength: number): Buffer
}

const none: Compressor = {
  name: 'none',
  compress: records => records,
  decompress: records => records,
}

const gzip: Compressor = {
  name: 'gzip',
  compress: records => gzipSync(records),
  decompress: (records, maxOutputLength) => gunzipSync(records, { maxOutputLength }),
}

const zstd: Compressor = {
  name: 'zstd',
  compress: records =>
    zstdCompressSync(records, { params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } }),
  decompress: (records, maxOutputLength) => zstdDecompressSync(records, { maxOutputLength }),
}
/** Kafka's default too. */
const ZSTD_LEVEL = 3

function notBuiltIn(name: Compression): Compressor {
  const refuse = (): never => {
    throw new EvertError(
      'UNSUPPORTED_COMPRESSION',
      `Compression ${name} is not built in; set the producer (or the topic's compression.type) to none, gzip or zstd.`,
    )
  }
  return { name, compress: refuse, decompress: refuse }
}

/** By the number in the attributes of a batch. */
const compressors: readonly Compressor[] = [none, gzip, notBuiltIn('snappy'), notBuiltIn('lz4'), zstd]

/** The number of a compression in the attributes of a batch. */
export function compressionId(compression: Compression): number {
  return compressors.findIndex(candidate => candidate.name === compression)
}

/** Throws MALFORMED_BYTES for a number that names no compression. */
export function compressionOf(id: number): Compression {
  const compressor = compressors[id]
  if (compressor === undefined) throw malformed(`compression ${id} does not exist`)
  return compressor.name
}

/** Throws UNSUPPORTED_COMPRESSION. With none, the answer is the argument itself. */
export function compress(compression: Compression, records: Buffer): Buffer {
  return (compressors[compressionId(compression)] as Compressor).compress(records)
}

/** Throws UNSUPPORTED_COMPRESSION, and MALFORMED_BYTES for what does not decompress to at most `maxOutputLength`. */
export function decompress(
  compression: Compression,
  records: Buffer,
  maxOutputLength = MAX_DECOMPRESSED_BYTES,
): Buffer {
  const compressor = compressors[compressionId(compression)] as Compressor
  try {
    return compressor.decompress(records, maxOutputLength)
  } catch (cause) {
    if (cause instanceof EvertError) throw cause
    throw malformed(`its records do not decompress with ${compression}`, cause)
  }
}
