"""Reads an answer as scripts of Zabbix in the field do: the envelope by a regular expression with the prefix of their request,
then the first metric of a kind and name at any depth. Prints what they send on, as JSON; fails where they would.

    zabbix_reader.py URL < REQUEST
"""

import json
import re
import sys
import urllib.request
import xml.etree.ElementTree as tree

M = "{http://x-road.eu/xsd/monitoring}"
HISTOGRAMS = ["CommittedVirtualMemory", "FreePhysicalMemory", "FreeSwapSpace", "OpenFileDescriptorCount", "SystemCpuLoad"]
NUMBERS = ["DiskSpaceFree_/", "DiskSpaceTotal_/", "MaxFileDescriptorCount", "TotalPhysicalMemory", "TotalSwapSpace"]


def find(root, kind, name):
    for metric in root.iter(M + kind):
        if metric.find(M + "name").text == name:
            return metric
    raise SystemExit(f"no {kind} {name}")


def value(metric, field):
    text = metric.find(M + field).text
    if not text:
        raise SystemExit(f"an empty {field}")
    return text


def main():
    request = urllib.request.Request(sys.argv[1], sys.stdin.buffer.read(), {"Content-Type": "text/xml;charset=UTF-8"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=15) as response:
        answer = response.read().decode()
    envelope = re.search("<SOAP-ENV:Envelope.+</SOAP-ENV:Envelope>", answer, re.DOTALL)
    root = tree.fromstring(envelope.group(0)).find(f".//{M}getSecurityServerMetricsResponse/{M}metricSet")
    said = {name: value(find(root, "stringMetric", name), "value") for name in ["proxyVersion", "OperatingSystem"]}
    said |= {name: float(value(find(root, "numericMetric", name), "value")) for name in NUMBERS}
    for name in HISTOGRAMS:
        fields = ["updated", "min", "max", "mean", "median", "stddev"]
        said[name] = {field: value(find(root, "histogramMetric", name), field) for field in fields}
    packages = find(root, "metricSet", "Packages").findall(M + "stringMetric")
    said["Packages"] = {package.find(M + "name").text: value(package, "value") for package in packages}
    json.dump(said, sys.stdout)


main()
