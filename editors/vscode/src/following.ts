// A suggestion that is shown → what becomes of it, told by the changes to its document. Knows nothing of VS Code.

/** One suggestion: `text` is all of it, from `offset` on, in UTF-16 units. `id` is the server's. */
export interface Shown {
  uri: string;
  offset: number;
  text: string;
  id: string;
}

/** One change: `length` units from `offset` on are replaced by `text`. */
export interface Change {
  offset: number;
  length: number;
  text: string;
}

export type Outcome =
  | { kind: 'partly accepted'; suggestion: Shown; length: number }
  | { kind: 'dismissed'; suggestion: Shown };

/**
 * Follows the one suggestion that is shown. VS Code tells extensions neither of words that are accepted nor of what is
 * hidden; both are read from what is inserted: more than a key makes is an acceptance, other text a dismissal.
 */
export class Following {
  private current: Shown | undefined;
  private taken = 0;

  /** A suggestion is shown. Returns the id it is known by: that of an earlier one whose rest it is, else its own. */
  show(suggestion: Shown): { id: string; isNew: boolean } {
    const before = this.current;
    if (before?.uri === suggestion.uri) {
      const rest = before.text.slice(this.taken);
      if (before.offset + this.taken === suggestion.offset && rest.startsWith(suggestion.text) && rest !== '') {
        return { id: before.id, isNew: false };
      }
    }
    this.current = suggestion;
    this.taken = 0;
    return { id: suggestion.id, isNew: true };
  }

  /** All of it was accepted. Returns it. */
  accepted(): Shown | undefined {
    const suggestion = this.current;
    this.current = undefined;
    return suggestion;
  }

  /** The document has changed. */
  changed(uri: string, changes: readonly Change[]): Outcome | undefined {
    const suggestion = this.current;
    if (suggestion === undefined || suggestion.uri !== uri) {
      return undefined;
    }
    const change = changes.length === 1 ? changes[0] : undefined;
    const rest = suggestion.text.slice(this.taken);
    if (change && change.length === 0 && change.offset === suggestion.offset + this.taken) {
      const inserted = change.text.replaceAll('\r\n', '\n');
      if (inserted !== '' && rest.startsWith(inserted)) {
        this.taken += inserted.length;
        if (inserted === rest) {
          return undefined; // Its command tells that it was accepted, or it was typed to its end.
        }
        return inserted.length > 1 ? { kind: 'partly accepted', suggestion, length: this.taken } : undefined;
      }
    }
    this.current = undefined;
    return rest === '' ? undefined : { kind: 'dismissed', suggestion };
  }
}
