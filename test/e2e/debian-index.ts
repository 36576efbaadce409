/**
 * Downloads packages of Debian for another architecture or from another release, with a configuration of apt of its own,
 * which does not touch the package manager of this machine. The packages are unpacked, never installed.
 */
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { output } from './process.ts'

export type Index = {
  /** Runs a command of apt-cache. */
  query(...command: readonly string[]): Promise<string>
  /** Unpacks the named packages. @returns the directory with all their files */
  unpack(packages: readonly string[]): Promise<string>
}

type Options = {
  readonly architecture: string
  /** By default, those of this machine. */
  readonly suites?: readonly string[] | undefined
}

const minutes = 60_000

/** @param work an empty directory, which must be kept until the files are copied */
export async function openIndex(work: string, { architecture, suites }: Options): Promise<Index> {
  for (const name of ['lists', 'archives']) await mkdir(join(work, name, 'partial'), { recursive: true })
  await writeFile(join(work, 'apt.conf'), configuration(work, architecture, suites !== undefined))
  const archive =
    'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian'
  const sources = (suites ?? []).map((suite) => `${archive} ${suite} main\n`)
  await writeFile(join(work, 'sources.list'), sources.join(''))
  const apt = (...command: readonly string[]) =>
    output(
      [
        ...['env', `APT_CONFIG=${join(work, 'apt.conf')}`, 'sh', '-c', 'cd "$0" && exec "$@"', work],
        ...command,
      ],
      { limitMs: 5 * minutes },
    )
  await apt('apt-get', 'update', '-q')
  return {
    query: (...command) => apt('apt-cache', ...command),
    async unpack(packages) {
      await apt('apt-get', 'download', '-q', ...packages)
      const root = join(work, 'root')
      for (const file of (await readdir(work)).filter((name) => name.endsWith('.deb')))
        await output(['dpkg-deb', '-x', join(work, file), root], { limitMs: minutes })
      return root
    },
  }
}

function configuration(work: string, architecture: string, hasSources: boolean): string {
  const sources = `Dir::Etc::sourcelist "${join(work, 'sources.list')}";\nDir::Etc::sourceparts "/dev/null";\n`
  return `\
APT::Architecture "${architecture}";
APT::Architectures { "${architecture}"; };
${hasSources ? sources : ''}\
Dir::State::lists "${join(work, 'lists')}";
Dir::State::status "/dev/null";
Dir::Cache "${work}";
`
}
