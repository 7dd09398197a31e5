/** A row of the error table. */
export interface ErrorRow {
  /** HTTP status. */
  readonly status: number;
  /** RFC 9457 title: the same for every occurrence. */
  readonly title: string;
  /** What the user can do. */
  readonly action: string;
}

export const row = (status: number, title: string, action: string): ErrorRow => ({ status, title, action });
