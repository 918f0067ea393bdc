"""Archives one file with boto3 as a careful script would: parts in threads, then Complete.

usage: boto3-uploader.py ENDPOINT FILE PART_SIZE_BYTES THREADS

Prints JSON: seconds, cpuSeconds, treeHash. The time of starting Python is not counted.
"""
import concurrent.futures
import hashlib
import json
import os
import resource
import sys
import threading
import time

import boto3
from botocore.config import Config

endpoint, path, part_size, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
size = os.path.getsize(path)
glacier = boto3.client(
    "glacier",
    region_name="us-east-1",
    endpoint_url=endpoint,
    aws_access_key_id="bench",
    aws_secret_access_key="bench-secret",
    config=Config(max_pool_connections=threads, retries={"max_attempts": 0}),
)
local = threading.local()


def fold(hashes):
    while len(hashes) > 1:
        pairs = [hashes[i : i + 2] for i in range(0, len(hashes), 2)]
        hashes = [hashlib.sha256(b"".join(p)).digest() if len(p) == 2 else p[0] for p in pairs]
    return hashes[0].hex()


def upload(upload_id, start):
    if not hasattr(local, "file"):
        local.file = open(path, "rb")
    local.file.seek(start)
    body = local.file.read(part_size)
    answer = glacier.upload_multipart_part(
        vaultName="bench",
        uploadId=upload_id,
        range=f"bytes {start}-{start + len(body) - 1}/*",
        body=body,
    )
    return bytes.fromhex(answer["checksum"])


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


began, cpu_before = time.monotonic(), cpu_seconds()
upload_id = glacier.initiate_multipart_upload(vaultName="bench", partSize=str(part_size))["uploadId"]
with concurrent.futures.ThreadPoolExecutor(threads) as pool:
    hashes = list(pool.map(lambda start: upload(upload_id, start), range(0, size, part_size)))
tree_hash = fold(hashes)
glacier.complete_multipart_upload(
    vaultName="bench", uploadId=upload_id, archiveSize=str(size), checksum=tree_hash
)
seconds, cpu = time.monotonic() - began, cpu_seconds() - cpu_before
print(json.dumps({"seconds": seconds, "cpuSeconds": cpu, "treeHash": tree_hash}))
