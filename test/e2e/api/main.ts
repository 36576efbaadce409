/** Checks of the API on the network, with clients that others wrote, against a slipway with a rack on loopback. */
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { startRack, type RackServer } from '../page/server.ts'
import { output } from '../process.ts'
import { runStage, type Check } from '../runner.ts'
import { slipway } from '../server.ts'

type ApiRig = {
  readonly rack: RackServer
  readonly url: string
  readonly certificate: string
  readonly token: string
  readonly tokenFile: string
  readonly server: Pick<RackServer, 'tail'>
  readonly network: { inside(name: never, ...command: string[]): string[] }
  close(): Promise<void>
}

const root = join(import.meta.dirname, '../../..')

async function createApiRig(): Promise<ApiRig> {
  const rack = await startRack(4)
  const directory = dirname(rack.sitePath)
  const token = await rack.token('admin')
  const tokenFile = join(directory, 'token')
  await writeFile(tokenFile, token, { mode: 0o600 })
  return {
    ...{ rack, token, tokenFile, server: rack, url: rack.url.replace(/\/$/, '') },
    certificate: join(directory, 'api.crt'),
    network: { inside: (_, ...command) => command },
    close: () => rack.close(),
  }
}

/** Sends generated requests for some operations. @returns the number of test cases */
async function schemathesis(rig: ApiRig, ...selection: string[]): Promise<string> {
  const { url, certificate, token } = rig
  const text = await output(
    [
      ...['st', 'run', join(root, 'docs/openapi.json'), '--url', url, `--tls-verify=${certificate}`],
      ...['-H', `Authorization: Bearer ${token}`, '--request-timeout', '20', '--max-examples', '25'],
      ...[
        '--phases',
        'examples,coverage,fuzzing',
        '--suppress-health-check',
        'filter_too_much',
        '--no-color',
      ],
      // Wrong tokens of this check would lock out the address. The tests of the API cover it.
      ...['--exclude-checks', 'ignored_auth', ...selection],
    ],
    // It writes a cache to its working directory.
    { limitMs: 280_000, cwd: dirname(rig.tokenFile) },
  )
  return /\d+ generated, \d+ passed/.exec(text)?.[0] ?? 'no summary'
}

const checks: readonly Check<ApiRig>[] = [
  {
    name: 'api: slipway --server verifies the certificate, and shows the status with a token',
    async run({ url, certificate, tokenFile, rack }) {
      const options = ['--server', url, '--ca-file', certificate, '--token-file', tokenFile]
      const text = await output(slipway(...options, 'status'))
      for (const node of rack.nodes) {
        if (!text.includes(node)) throw new Error(`${node} is missing:\n${text}`)
      }
      return `${rack.nodes.length} nodes`
    },
  },
  {
    name: 'api: the Ansible playbook arms a node',
    limitMs: 120_000,
    async run({ url, certificate, tokenFile, rack }) {
      const [node = ''] = rack.nodes.slice(-1)
      const variables = { url, token_file: tokenFile, ca_file: certificate, node, state: 'install' }
      const playbook = join(root, 'config/ansible/install-node.yml')
      const command = ['ansible-playbook', playbook, '-e', JSON.stringify(variables)]
      const text = await output(command, { limitMs: 110_000 })
      if (!/failed=0/.test(text)) throw new Error(text)
      return /ok=\d+ +changed=\d+/.exec(text)?.[0]
    },
  },
  {
    name: 'api: schemathesis finds no fault',
    limitMs: 300_000,
    // The stream of events never ends. A revoked token would end the test.
    run: (rig) => schemathesis(rig, '--exclude-path', '/v1/events', '--exclude-operation-id', 'revokeToken'),
  },
]

const rig = await createApiRig()
const results = await runStage([checks], rig, new AbortController().signal).finally(() => rig.close())
const failed = results.filter(({ failure }) => failure !== undefined)
console.log(`\n${results.length - failed.length} of ${results.length} checks passed`)
process.exit(failed.length === 0 ? 0 : 1)
