// What the server says of its last answer (`codeslm.explainLast`) → Markdown. Knows nothing of VS Code.

export interface Report {
  skip: { reason: string; detail: string } | null;
  text: string | null;
  confidence: number | null;
  alternatives: string[];
  trigger: string;
  model: string;
  timings: Record<string, number>;
  filters: string[];
  from_offered: boolean;
  snippets: string[];
  elapsed_ms: number;
}

/** One sentence for why nothing was suggested; empty where something was. */
export function whyNothing(report: Report | null): string {
  return report?.skip?.detail ?? '';
}

export function reportAsMarkdown(report: Report): string {
  const lines = ['# Why the last suggestion was as it was', ''];
  if (report.skip) {
    lines.push(`Nothing was suggested: ${report.skip.detail} (\`${report.skip.reason}\`)`, '');
  } else if (report.text !== null) {
    const more = report.alternatives.length;
    lines.push(`${report.text.split('\n').length} line(s) were suggested${more ? `, and ${more} other(s)` : ''}.`, '');
  }
  const percent = (chance: number) => `${Math.round(100 * chance)} %`;
  const rows: [string, string][] = [
    ['asked', report.trigger],
    ['model', report.model || 'was not asked'],
    ['answered after', `${Math.round(report.elapsed_ms)} ms`],
    ['chance of being right', report.confidence === null ? '' : percent(report.confidence)],
    ['rest of an earlier one', report.from_offered ? 'yes' : ''],
    ['changed by', report.filters.map((each) => `\`${each}\``).join(', ')],
    ['shown of other files', report.snippets.map((each) => `\`${each}\``).join(', ')],
    ...Object.entries(report.timings).map(([key, value]): [string, string] => [
      key,
      String(Math.round(value * 10) / 10),
    ]),
  ];
  lines.push(
    '| | |',
    '|---|---|',
    ...rows.filter(([, value]) => value).map(([key, value]) => `| ${key} | ${value} |`),
    '',
  );
  return lines.join('\n');
}
