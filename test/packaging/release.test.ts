import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { release } from '../../packaging/release.ts'

/** A repository with the files that a release changes. Commands of npm are replaced; git is real. */
function repository(t: Test, changelog = '# Changelog\n\n## 1.3.0\n\n- New.\n\n## 1.2.0\n\n- Old.\n') {
  const text = 'apt install ./slipway_1.2.0_amd64.deb, dnf install ./slipway-1.2.0-1.x86_64.rpm\n'
  const root = t.testdir({
    'package.json': '{ "version": "1.2.0" }\n',
    'CHANGELOG.md': changelog,
    'README.md': text,
    docs: { 'install.md': text, 'quick-start.md': text },
    '.gitignore': 'dist\n',
  })
  const identity = ['-c', 'user.name=test', '-c', 'user.email=test@example.net', '-c', 'commit.gpgsign=false']
  const git = (...args: string[]) =>
    execFileSync('git', [...identity, ...args], { cwd: root, encoding: 'utf8' })
  git('init', '--quiet')
  git('add', '.')
  git('commit', '--quiet', '--message', 'first')
  const commands: string[] = []
  const run = (command: string, ...args: string[]) => {
    if (command === 'git') return git(...args)
    const line = [command, ...args].join(' ')
    commands.push(line)
    const version = /^npm version --no-git-tag-version (.*)$/.exec(line)?.[1]
    if (version !== undefined) writeFileSync(join(root, 'package.json'), JSON.stringify({ version }))
    if (line === 'npm run package') {
      mkdirSync(join(root, 'dist/packages'), { recursive: true })
      for (const name of ['slipway_1.3.0_amd64.deb', 'slipway-1.3.0-1.x86_64.rpm', 'slipway_1.2.0_amd64.deb'])
        writeFileSync(join(root, 'dist/packages', name), name)
    }
    return ''
  }
  const lines: string[] = []
  const make = (version: string, isDry = false) =>
    release({ root, version, isDry, run, print: (line) => void lines.push(line) })
  const read = (name: string) => readFileSync(join(root, name), 'utf8')
  return { root, git, commands, lines, make, read }
}

t.test('a release sets the version, commits, writes packages with checksums, and tags', (t) => {
  const { git, commands, lines, make, read } = repository(t)
  t.same(make('1.3.0'), [])
  t.same(commands, ['npm run check', 'npm version --no-git-tag-version 1.3.0', 'npm run package'])
  t.match(read('README.md'), 'slipway_1.3.0_amd64.deb, dnf install ./slipway-1.3.0-1.x86_64.rpm')
  t.equal(read('docs/quick-start.md'), read('README.md'))
  t.equal(git('status', '--porcelain'), '')
  t.equal(git('log', '-1', '--format=%s'), 'Release 1.3.0\n')
  t.equal(git('cat-file', '-t', 'v1.3.0'), 'tag\n', 'an annotated tag')
  t.equal(git('tag', '--list', '--format=%(contents)', 'v1.3.0').trim(), 'slipway 1.3.0\n\n- New.')
  t.match(
    read('dist/packages/SHA256SUMS'),
    /^[0-9a-f]{64} {2}slipway-1\.3\.0-1\.x86_64\.rpm\n[0-9a-f]{64} {2}slipway_1\.3\.0_amd64\.deb\n$/,
  )
  t.match(lines.at(-1), /^next: git push/)
  t.end()
})

t.test('a dry run prints the steps and changes nothing', (t) => {
  const { git, commands, lines, make, read } = repository(t)
  t.same(make('1.3.0', true), [])
  t.same(commands, [])
  t.match(lines, [
    /^would check/,
    /^would set the version 1\.3\.0/,
    /^would write the packages/,
    /^would create the tag v1\.3\.0$/,
    /^next/,
  ])
  t.equal(git('tag', '--list'), '')
  t.equal(git('status', '--porcelain'), '')
  t.match(read('package.json'), '1.2.0')
  t.end()
})

t.test('the first release has the version of package.json', (t) => {
  const { git, commands, make } = repository(t, '## 1.2.0\n\nFirst.\n')
  t.same(make('1.2.0'), [])
  t.same(commands, ['npm run check', 'npm run package'])
  t.equal(git('tag', '--list'), 'v1.2.0\n')
  t.end()
})

t.test('what is missing is listed, and nothing is changed', (t) => {
  const { root, git, commands, make } = repository(t)
  t.same(make('1.1.9'), [
    '1.1.9 is earlier than 1.2.0',
    'CHANGELOG.md must start with a section "## 1.1.9": write what changed',
  ])
  t.match(make('next'), ['next is not a version such as 1.2.3'])
  git('tag', 'v1.3.0')
  writeFileSync(join(root, 'new'), '')
  t.same(make('1.3.0'), [
    'there are changes that are not committed: commit them',
    'the tag v1.3.0 exists: choose a later version',
  ])
  t.same(commands, [])
  t.equal(git('log', '--format=%s'), 'first\n')
  t.end()
})
