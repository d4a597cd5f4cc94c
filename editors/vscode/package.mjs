// Packs the extension with the server's wheel inside: `npm run package` writes codeslm.vsix.
// `PYTHON` names the Python that builds the wheel.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = path.resolve(here, '../..');
const run = (program, ...words) => execFileSync(program, words, { cwd: here, stdio: 'inherit' });
const npx = (...words) => run(process.execPath, ...words);

rmSync(path.join(here, 'server'), { recursive: true, force: true });
mkdirSync(path.join(here, 'server'));
run(process.env.PYTHON ?? 'python3', '-m', 'pip', 'wheel', '--quiet', '--no-deps', '--wheel-dir', 'server', root);
copyFileSync(path.join(root, 'LICENSE'), path.join(here, 'LICENSE'));
run('npm', 'run', '--silent', 'bundle');
const options = ['--no-dependencies', '--no-rewrite-relative-links', '--allow-missing-repository', '--skip-license'];
npx('node_modules/@vscode/vsce/vsce', 'package', '--out', 'codeslm.vsix', ...options);
