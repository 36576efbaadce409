/**
 * The container image of a release, as an archive for `podman load` or `docker load`. It is built by podman from the .deb
 * packages in dist/packages (see Containerfile). Unlike the packages, two builds can differ: the base gets its updates.
 */
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'

type Image = {
  readonly root: string
  readonly version: string
  /** Time of the commit, in seconds since 1970. */
  readonly seconds: string
  /** A base instead of that in Containerfile. */
  readonly base?: string | undefined
}

/** Returns the name of the archive in dist/packages; undefined if podman is not installed. @throws {Error} if a step fails */
export function writeImage({ root, version, seconds, base }: Image): string | undefined {
  const run = (...args: string[]): boolean => {
    const { status, error, stderr, stdout } = spawnSync('podman', args, { cwd: root, encoding: 'utf8' })
    if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return false
    if (status === 0) return true
    const last = (stderr + stdout).trim().split('\n').slice(-5).join('\n')
    throw new Error(
      `podman ${args[0] ?? ''} failed: ${error?.message ?? last}\nTo build only the packages, add -- --no-image`,
    )
  }
  const tag = `localhost/slipway:${version}`
  const name = `slipway-${version}-image.tar`
  const archive = join('dist/packages', name)
  const options = [
    // The health check needs this format, and apt the network.
    ...['--format', 'docker', '--network', 'host', '--timestamp', seconds, '--tag', tag],
    ...['--build-arg', `TARGETARCH=${process.arch === 'arm64' ? 'arm64' : 'amd64'}`],
    ...['--build-arg', `VERSION=${version}`, ...(base === undefined ? [] : ['--build-arg', `BASE=${base}`])],
  ]
  if (!run('build', ...options, '.')) return undefined
  rmSync(join(root, archive), { force: true })
  run('save', '--format', 'docker-archive', '--output', archive, tag)
  return name
}
