/** The name with the fewest edits from `wrong`; the first of those that are as near. */
export function nearestName(wrong: string, names: readonly string[]): string {
  let nearest = { name: '', distance: Number.POSITIVE_INFINITY };
  for (const name of names) {
    const distance = editDistance(wrong, name);
    if (distance < nearest.distance) nearest = { name, distance };
  }
  return nearest.name;
}

/** Levenshtein: how many characters to put in, take out or change. */
function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (above[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min((above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, change));
    }
    above = row;
  }
  return above[b.length] ?? 0;
}
