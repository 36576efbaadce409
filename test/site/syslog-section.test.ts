import t from 'tap'
import { loadSite } from '../../src/site/load.ts'
import { syslogSection } from '../../src/site/syslog-section.ts'
import { siteText } from '../support/site-folder.ts'

t.test('the receiver listens on port 514, and live systems send their journal', (t) => {
  t.same(syslogSection.parse({}), { port: 514, live: true })
  t.same(syslogSection.parse({ port: 1514, live: false }), { port: 1514, live: false })
  t.throws(() => syslogSection.parse({ port: 0 }), /from 1 to 65535/)
  t.end()
})

t.test('the port must differ from those of the other services', (t) => {
  const load = (section: string) => loadSite(`${siteText()}\n${section}\n`, 'site.yaml')
  t.equal(load('syslog: {}').kind, 'site')
  t.match(load('syslog: { port: 80 }'), {
    kind: 'problems',
    problems: [
      {
        code: 'site.port-conflict',
        path: 'syslog.port',
        message: /got 80, expected another port: server\.ports\.http is the same/,
      },
    ],
  })
  t.end()
})
