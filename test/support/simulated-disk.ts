import { basename, dirname } from 'node:path';
import type { Disk } from '#shared/ledger-storage';

interface File {
  readonly kind: 'file';
  bytes: Uint8Array;
  /** Whether the contents were synced; those that were not may be torn by a crash. */
  synced: boolean;
}
interface Folder {
  readonly kind: 'folder';
  /** Names as a running process sees them. */
  readonly names: Map<string, File | Folder>;
  /** Names as they are on the platter. */
  durable: ReadonlyMap<string, File | Folder>;
}

const newFolder = (): Folder => ({ kind: 'folder', names: new Map(), durable: new Map() });

/** What befalls an operation: it fails with or without having had its effect, or the machine stops in it. */
export type Fate = 'ok' | 'fails' | 'failsAfter' | 'stops';

/** A number from 0 up to and without 1. */
export type Random = () => number;

/**
 * A disk with a page cache. Contents that were not synced, and names whose folder was not, may or may not
 * have reached the platter when the machine stops: each on its own, which is worse than real file systems.
 */
export class SimulatedDisk implements Disk {
  /** Operations so far that change something. */
  operations = 0;
  readonly #root: Folder;
  readonly #fate: (operation: number) => Fate;
  readonly #afterEach: (disk: SimulatedDisk) => void;
  #stopped = false;

  constructor(
    fate: (operation: number) => Fate = () => 'ok',
    afterEach: (disk: SimulatedDisk) => void = () => {},
    root = newFolder(),
  ) {
    this.#fate = fate;
    this.#afterEach = afterEach;
    this.#root = root;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** What is found when the machine starts again. */
  afterCrash(
    random: Random,
    afterEach: (disk: SimulatedDisk) => void,
    fate?: (operation: number) => Fate,
  ): SimulatedDisk {
    return new SimulatedDisk(fate, afterEach, survive(this.#root, random));
  }

  /** The same disk for the next process after this one was killed: the page cache is still there. */
  afterKill(afterEach: (disk: SimulatedDisk) => void, fate?: (operation: number) => Fate): SimulatedDisk {
    return new SimulatedDisk(fate, afterEach, this.#root);
  }

  /** What a reader sees now. */
  peek(path: string): Uint8Array | undefined {
    const found = this.#find(path);
    return found?.kind === 'file' ? found.bytes : undefined;
  }

  /** Paths of all files that a reader sees, under a folder. */
  files(under: string): string[] {
    const folder = this.#find(under);
    if (folder?.kind !== 'folder') return [];
    return [...folder.names].flatMap(([name, entry]) =>
      entry.kind === 'file' ? [`${under}/${name}`] : this.files(`${under}/${name}`),
    );
  }

  async read(path: string, maxBytes: number): Promise<Uint8Array | undefined> {
    if (this.#stopped) throw new Error('the machine has stopped');
    const bytes = this.peek(path);
    if (bytes !== undefined && bytes.length > maxBytes) throw new RangeError('too long');
    return bytes;
  }

  async list(path: string): Promise<string[]> {
    if (this.#stopped) throw new Error('the machine has stopped');
    const found = this.#find(path);
    return found?.kind === 'folder' ? [...found.names.keys()] : [];
  }

  async writeSynced(path: string, bytes: Uint8Array): Promise<void> {
    const file: File = { kind: 'file', bytes: bytes.subarray(0, bytes.length >> 1), synced: false };
    await this.#step(
      () => {
        file.bytes = Uint8Array.from(bytes);
        file.synced = true;
        this.#parent(path).names.set(basename(path), file);
      },
      // Cut off inside, or out of space: the file is there, and half of it.
      () => this.#parent(path).names.set(basename(path), file),
    );
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#step(() => {
      const entry = this.#parent(from).names.get(basename(from));
      if (entry === undefined) throw new Error('ENOENT');
      this.#parent(to).names.set(basename(to), entry);
      this.#parent(from).names.delete(basename(from));
    });
  }

  async makeFolder(path: string): Promise<void> {
    await this.#step(() => {
      const { names } = this.#parent(path);
      if (!names.has(basename(path))) names.set(basename(path), newFolder());
    });
  }

  async syncFolder(path: string): Promise<void> {
    await this.#step(() => {
      const folder = this.#find(path);
      if (folder?.kind !== 'folder') throw new Error('ENOENT');
      folder.durable = new Map(folder.names);
    });
  }

  async remove(path: string): Promise<void> {
    await this.#step(() => {
      const folder = this.#find(dirname(path));
      if (folder?.kind === 'folder') folder.names.delete(basename(path));
    });
  }

  async #step(effect: () => void, partialEffect: () => void = () => {}): Promise<void> {
    // A turn, as a real disk takes its time: what runs side by side stays so.
    await Promise.resolve();
    if (this.#stopped) throw new Error('the machine has stopped');
    const fate = this.#fate(this.operations++);
    if (fate === 'stops') this.#stopped = true;
    if (fate === 'ok' || fate === 'failsAfter') effect();
    else partialEffect();
    this.#afterEach(this);
    if (fate !== 'ok') throw Object.assign(new Error('simulated fault'), { code: 'ENOSPC' });
  }

  #find(path: string): File | Folder | undefined {
    let at: File | Folder | undefined = this.#root;
    for (const name of path.split('/').filter((part) => part !== '')) {
      at = at?.kind === 'folder' ? at.names.get(name) : undefined;
    }
    return at;
  }

  #parent(path: string): Folder {
    const folder = this.#find(dirname(path));
    if (folder?.kind !== 'folder') throw new Error('ENOENT');
    return folder;
  }
}

function survive(folder: Folder, random: Random): Folder {
  const survived = newFolder();
  for (const name of new Set([...folder.durable.keys(), ...folder.names.keys()])) {
    const [durable, seen] = [folder.durable.get(name), folder.names.get(name)];
    const entry = random() < 0.5 ? durable : seen;
    if (entry !== undefined)
      survived.names.set(name, entry.kind === 'folder' ? survive(entry, random) : torn(entry, random));
  }
  survived.durable = new Map(survived.names);
  return survived;
}

function torn(file: File, random: Random): File {
  if (file.synced) return { ...file };
  const bytes = Uint8Array.from(file.bytes.subarray(0, Math.floor(random() * (file.bytes.length + 1))));
  if (random() < 0.3) bytes.fill(0);
  return { kind: 'file', bytes, synced: true };
}
