"""Reads the kernel arguments of a machine and its seed as cloud-init does: read-seed.py DIRECTORY ARGUMENTS"""
import json
import sys
from cloudinit import util
from cloudinit.sources.DataSourceNoCloud import load_cmdline_data

directory, arguments = sys.argv[1:]
found = {}
if not load_cmdline_data(found, arguments):
    sys.exit("no data source in " + arguments)
metadata, user_data, vendor_data = util.read_seeded(directory + "/")
lengths = {"user-data": len(user_data), "vendor-data": len(vendor_data)}
print(json.dumps({**found, **metadata, **lengths}))
