package main

import (
	"fmt"
	"regexp"
	"strings"
)

// machine is one node during its boot.
type machine struct {
	Node
	rack  *Rack
	index int
	// server is the address of the appliance that leased the address.
	server string
}

var (
	kernelLine   = regexp.MustCompile(`(?m)^kernel (\S+)(.*)$`)
	initrdLine   = regexp.MustCompile(`(?m)^initrd (?:--name \S+ )?(\S+)`)
	rootfsURL    = regexp.MustCompile(`coreos\.live\.rootfs_url=(\S+)`)
	ignitionURL  = regexp.MustCompile(`coreos\.inst\.ignition_url=(\S+)`)
	liveURL      = regexp.MustCompile(`ignition\.config\.url=(\S+)`)
	callbackURL  = regexp.MustCompile(`http://[\w.:-]+/[\w./-]+/(?:disk|written|started)\b`)
	diskReport   = "slipway-disk 1\ndevice: %[1]s\npath: %[1]s\n--- lsblk\n" + `{"blockdevices":[{"name":"%[1]s","type":"disk","fstype":null}]}` + "\n--- blkid\ndevice=%[1]s\n"
	diskArgument = regexp.MustCompile(`coreos\.inst\.install_dev=(\S+)`)
)

// boot runs everything from power-on until the installed system has started.
func (m *machine) boot() error {
	var loader, script string
	err := m.rack.step("DHCP firmware", func() (err error) {
		loader, err = m.lease(firmwareClient)
		return err
	})
	if err != nil {
		return err
	}
	if err := m.rack.step("TFTP loader", func() error { return m.readFile(loader) }); err != nil {
		return err
	}
	err = m.rack.step("DHCP iPXE", func() (err error) {
		script, err = m.lease(ipxeClient)
		return err
	})
	if err != nil {
		return err
	}
	install, err := m.loadKernel(script)
	if err != nil {
		return err
	}
	started, err := m.install(install)
	if err != nil {
		return err
	}
	return m.startInstalled(started)
}

// downloadOnly reads one file.
func (m *machine) downloadOnly(url string) error {
	client := m.openHTTP("curl/7.76.1")
	defer client.close()
	return client.download(url)
}

// loadKernel does what iPXE does, and returns the kernel command line.
func (m *machine) loadKernel(script string) (string, error) {
	client := m.openHTTP("iPXE/1.21.1+")
	defer client.close()
	var text string
	err := m.rack.step("HTTP script", func() (err error) {
		text, err = client.get(script)
		return err
	})
	if err != nil {
		return "", err
	}
	kernel, initrd := kernelLine.FindStringSubmatch(text), initrdLine.FindStringSubmatch(text)
	if kernel == nil || initrd == nil {
		return "", fmt.Errorf("a script without kernel or initrd: %.200q", text)
	}
	if err := m.rack.step("HTTP kernel", func() error { return client.download(kernel[1]) }); err != nil {
		return "", err
	}
	return kernel[2], m.rack.step("HTTP initramfs", func() error { return client.download(initrd[1]) })
}

// install does what the live system and its installer do, and returns the callback of the installed system, if any.
func (m *machine) install(arguments string) (string, error) {
	rootfs, ignition := find(rootfsURL, arguments), find(ignitionURL, arguments)
	if rootfs == "" || ignition == "" {
		return "", fmt.Errorf("kernel arguments without rootfs or Ignition file: %s", arguments)
	}
	if err := m.rack.step("DHCP live system", func() error { _, err := m.lease(systemClient); return err }); err != nil {
		return "", err
	}
	if err := m.rack.step("DNS live system", m.queryNames); err != nil {
		return "", err
	}
	client := m.openHTTP("curl/7.76.1")
	defer client.close()
	if err := m.rack.step("HTTP rootfs", func() error { return client.download(rootfs) }); err != nil {
		return "", err
	}
	started := ""
	err := m.rack.step("HTTP Ignition", func() error {
		reports := map[string]string{}
		if live := find(liveURL, arguments); live != "" {
			text, err := client.get(live)
			if err != nil {
				return err
			}
			reports = callbacks(text)
		}
		if url := reports["disk"]; url != "" {
			if err := client.post(url, fmt.Sprintf(diskReport, find(diskArgument, arguments)), 200); err != nil {
				return err
			}
		}
		text, err := client.get(ignition)
		if err != nil {
			return err
		}
		started = callbacks(text)["started"]
		if url := reports["written"]; url != "" {
			return client.post(url, "", 204)
		}
		return nil
	})
	return started, err
}

// startInstalled does what the installed system does at its first start.
func (m *machine) startInstalled(callback string) error {
	if err := m.rack.step("DHCP installed system", func() error { _, err := m.lease(systemClient); return err }); err != nil {
		return err
	}
	return m.rack.step("first start", func() error {
		if err := m.query("api-int."+m.rack.Domain, typeA); err != nil {
			return err
		}
		if callback == "" {
			return nil
		}
		client := m.openHTTP("curl/7.76.1")
		defer client.close()
		return client.post(callback, "", 204)
	})
}

func find(pattern *regexp.Regexp, text string) string {
	if found := pattern.FindStringSubmatch(text); found != nil {
		return found[1]
	}
	return ""
}

// callbacks returns the URLs in an Ignition file to which a node reports, by their last segment.
func callbacks(ignition string) map[string]string {
	urls := map[string]string{}
	for _, url := range callbackURL.FindAllString(ignition, -1) {
		urls[url[strings.LastIndexByte(url, '/')+1:]] = url
	}
	return urls
}
