import { execFileSync } from 'node:child_process';

/*
 * What is asked for the first time comes from the disk. The kernel's cache of a folder's files is emptied by
 * `posix_fadvise(POSIX_FADV_DONTNEED)`, which Node does not offer: perl, which every Debian has, calls it for
 * thousands of files in a moment, coreutils' dd elsewhere for each in a process. Neither needs rights beyond
 * reading. Caches of the storage below the machine are out of reach.
 */

/** The call's number on Linux. */
const fadvise: Partial<Record<NodeJS.Architecture, number>> = { x64: 221, arm64: 223 };
const dontNeed = 4;

/** Empties the kernel's cache of the files below a folder. */
export function evict(folder: string): void {
  execFileSync('sh', ['-c', evictScript(folder)]);
}

/** The same for a shell. @param folder without characters that a shell would take for something else */
export function evictScript(folder: string): string {
  if (!/^[\w./-]+$/.test(folder)) throw new Error('a folder whose name a shell could not read');
  const call = fadvise[process.arch];
  const each =
    call === undefined
      ? 'xargs -0 -r -I {} dd if={} iflag=nocache count=0 status=none'
      : `perl -0ne 'chomp; open(F, "<", $_) or next; syscall(${call}, fileno(F), 0, 0, ${dontNeed}) == 0 or die'`;
  return `find ${folder} -type f -print0 | ${each}`;
}
