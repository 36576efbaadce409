import t from 'tap'
import { compileHooks, targetText } from '../../src/plan/hooks.ts'
import { hooksSection } from '../../src/site/hooks-section.ts'

t.test('a hook has a target, whose text contains no secret', (t) => {
  const hooks = compileHooks({
    hooks: hooksSection.parse({
      chat: {
        events: ['node.installed', 'csr.pending'],
        webhook: { url: 'https://chat.example.net:8443/T0/secret', secretFile: '/s', ca: '/ca.pem' },
        timeoutSeconds: 3,
      },
      ticket: { events: 'problem.started', command: ['/usr/bin/ticket', '--key', 'secret'] },
    }),
  })
  t.same(hooks, [
    {
      name: 'chat',
      events: ['node.installed', 'csr.pending'],
      timeoutMs: 3000,
      target: {
        kind: 'webhook',
        url: 'https://chat.example.net:8443/T0/secret',
        secretFile: '/s',
        ca: '/ca.pem',
      },
    },
    {
      name: 'ticket',
      events: ['problem.started'],
      timeoutMs: 10_000,
      target: { kind: 'command', program: '/usr/bin/ticket', args: ['--key', 'secret'] },
    },
  ])
  t.same(
    hooks.map(({ target }) => targetText(target)),
    ['https://chat.example.net:8443', '/usr/bin/ticket'],
  )
  t.end()
})
