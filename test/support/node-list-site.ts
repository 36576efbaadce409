/** A site with one cluster, whose list of nodes is a text of the test, for tests of edits that keep the formatting. */

/** @param nodes the key `nodes` of the cluster, indented by four spaces @param more the text after it */
export function siteWith(nodes: string, more = ''): string {
  return `site: lab
server: { address: 172.16.0.1 }
subnets: [{ cidr: 172.16.0.0/24 }]
images: { rhcos: { dir: images } }
clusters:
  - name: ocp
    domain: example.net
    image: rhcos
    ignition: ignition
    disk: /dev/sda
    loadBalancer: { api: 172.16.0.9, ingress: 172.16.0.9 }
${nodes}${more}`
}
