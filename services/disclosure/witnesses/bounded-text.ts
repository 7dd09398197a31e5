/** An answer's body, or null where it is longer than `maxBytes`: nobody makes the service hold more. */
export async function readBounded(response: Response, maxBytes: number): Promise<Buffer | null> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > maxBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The same as text. */
export async function readBoundedText(response: Response, maxBytes: number): Promise<string | null> {
  return (await readBounded(response, maxBytes))?.toString('utf8') ?? null;
}
