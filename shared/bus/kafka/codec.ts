import type { CompressionTypes } from 'kafkajs';

/** What kafkajs asks of a codec. */
interface Codec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
  decompress(compressed: Buffer): Promise<Buffer>;
}

/**
 * Teaches kafkajs LZ4 (it brings gzip alone) and returns its number. Our topics are fixed to LZ4
 * (topics.ts): brokers turn what others publish with Snappy or ZSTD into it, so that no consumer of ours
 * meets what it cannot read.
 */
export async function registerLz4(): Promise<CompressionTypes.LZ4> {
  const [{ default: kafkajs }, { compressFrame, decompressFrame }] = await Promise.all([
    import('kafkajs'),
    import('lz4-napi'),
  ]);
  const codec: Codec = {
    compress: ({ buffer }) => compressFrame(buffer),
    decompress: (compressed) => decompressFrame(compressed),
  };
  kafkajs.CompressionCodecs[kafkajs.CompressionTypes.LZ4] = () => codec;
  return kafkajs.CompressionTypes.LZ4;
}
