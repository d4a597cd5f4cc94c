// What the server answers to a command, as Markdown. Knows nothing of VS Code.

export type Badge = 'proved' | 'tested' | 'cross-checked' | 'unverified' | 'refuted';

export interface Check {
  kind: string;
  passed: boolean;
  detail: string;
  replay: string;
}

export interface TextEdit {
  range: { start: LspPosition; end: LspPosition };
  newText: string;
}

export interface LspPosition {
  line: number;
  character: number;
}

/** One of a `WorkspaceEdit`'s `documentChanges`. */
export type DocumentChange =
  | { kind: 'create'; uri: string }
  | { kind?: undefined; textDocument: { uri: string; version: number | null }; edits: TextEdit[] };

export interface Answer {
  command: string;
  answer: string;
  value: string;
  badge: Badge;
  evidence: Check[];
  edit: { documentChanges: DocumentChange[] } | null;
  note: string;
  model: string;
  timings: { elapsed_ms: number; n_tokens: number; n_evaluated: number };
}

const MARKS: Record<Badge, string> = {
  proved: '✓✓',
  tested: '✓',
  'cross-checked': '✓',
  unverified: '?',
  refuted: '✗',
};

/** The badge as words and a mark, never as a colour alone. */
export function badge(answer: Answer): string {
  return `${MARKS[answer.badge] ?? ''} ${answer.badge}`.trim();
}

/** One paragraph of what was checked. */
export function reasons(answer: Answer): string {
  return answer.evidence.map((check) => oneLine(check.detail)).join(' ');
}

/** The whole answer: what it says, its badge, each check and how to repeat it. */
export function asMarkdown(answer: Answer): string {
  const lines = [answer.answer.trim(), '', '---', '', `**${badge(answer)}**`, ''];
  for (const check of answer.evidence) {
    lines.push(`- ${check.passed ? '✓' : '✗'} ${oneLine(check.detail)}`);
    if (check.replay.trim()) {
      lines.push('', ...fenced(check.replay).map((line) => `  ${line}`), '');
    }
  }
  if (answer.note) {
    lines.push('', answer.note);
  }
  const seconds = (answer.timings.elapsed_ms / 1000).toFixed(1);
  lines.push('', answer.model ? `*${answer.model}, ${seconds} s*` : `*without the model, ${seconds} s*`, '');
  return lines.join('\n');
}

/** A file's text after edits, whose ranges are in UTF-16 units and do not overlap. */
export function edited(text: string, edits: readonly TextEdit[]): string {
  const starts = [0];
  for (const match of text.matchAll(/\r\n?|\n/g)) {
    starts.push(match.index + match[0].length);
  }
  const offset = ({ line, character }: LspPosition) =>
    Math.min(line < starts.length ? (starts[line] ?? 0) + character : text.length, text.length);
  const ordered = edits
    .map((edit) => ({ start: offset(edit.range.start), end: offset(edit.range.end), text: edit.newText }))
    .sort((one, other) => other.start - one.start);
  return ordered.reduce((so, edit) => so.slice(0, edit.start) + edit.text + so.slice(edit.end), text);
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ');
}

/** A code block whose fence is longer than any in the text. */
function fenced(text: string): string[] {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map((match) => match[0].length));
  const fence = '`'.repeat(longest + 1);
  return [fence, ...text.trimEnd().split('\n'), fence];
}
