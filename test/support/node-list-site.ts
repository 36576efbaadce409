/** A site with one cluster whose list of nodes is written by the test: how it is written is what the test is about. */

/** @param nodes the cluster's key `nodes`, indented by four blanks @param more what follows it */
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
