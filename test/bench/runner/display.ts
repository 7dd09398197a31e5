/** Where progress is shown: one line that is written over on a terminal, a line each elsewhere. */
export interface Display {
  /** Shows a line, as it is at each second until the next or the end. */
  show(line: () => string): void;
  /** Takes the line away, so that something else can be written. */
  clear(): void;
}

export function createDisplay(stream: NodeJS.WriteStream): Display {
  let timer: NodeJS.Timeout | undefined;
  const clear = (): void => {
    clearInterval(timer);
    if (stream.isTTY) stream.write('\r\u001b[K');
  };
  return {
    clear,
    show(line) {
      clear();
      if (!stream.isTTY) {
        stream.write(`${line()}\n`);
        return;
      }
      // A line that wraps could not be written over. A terminal that does not know its width says 0.
      const width = stream.columns > 0 ? stream.columns - 1 : undefined;
      const write = () => stream.write(`\r\u001b[K${line().slice(0, width)}`);
      write();
      timer = setInterval(write, 1000);
    },
  };
}
