/** The site of {@link siteText} with a group `web`, whose machines run Debian. */
import { siteText } from './site-folder.ts'

export const web1 = '      - { name: web1, mac: "00:00:5e:00:53:41", address: 192.0.2.41 }\n'
export const web2 = '      - { name: web2, mac: "00:00:5e:00:53:42", address: 192.0.2.42 }\n'

/** @param machines the lines of the list of machines */
export function groupSiteText(machines = web1): string {
  const group = `groups:
  - name: web
    domain: example.net
    image: debian-12
    disk: /dev/sda
    nodes:
${machines}`
  const images = '{ rhcos: { dir: image }, debian-12: { os: debian, dir: debian } }'
  return siteText(undefined, group).replace('{ rhcos: { dir: image } }', images)
}
