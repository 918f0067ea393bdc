"""Drives the vault through boto3: multipart in parts of 1 MiB, lists, Complete, retrieval."""
import hashlib
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.utils import calculate_tree_hash

url, file, output = sys.argv[1:4]
MIB = 1 << 20
glacier = boto3.client(
    'glacier', endpoint_url=url, region_name='us-east-1', config=Config(retries={'total_max_attempts': 1})
)
vault = {'vaultName': 'boto3'}
glacier.create_vault(**vault)
glacier.get_waiter('vault_exists').wait(**vault)

upload_id = glacier.initiate_multipart_upload(
    **vault, archiveDescription='from  boto3', partSize=str(MIB)
)['uploadId']
with open(file, 'rb') as source:
    data = source.read()
starts = list(range(0, len(data), MIB))
for start in reversed(starts):
    body = data[start : start + MIB]
    answer = glacier.upload_multipart_part(
        **vault, uploadId=upload_id, range=f'bytes {start}-{start + len(body) - 1}/*', body=body
    )
    assert len(answer['checksum']) == 64

parts = []
for page in glacier.get_paginator('list_parts').paginate(
    **vault, uploadId=upload_id, PaginationConfig={'PageSize': 2}
):
    parts += page['Parts']
assert [int(part['RangeInBytes'].split('-')[0]) for part in parts] == starts
uploads = glacier.list_multipart_uploads(**vault)['UploadsList']
assert [one['ArchiveDescription'] for one in uploads] == ['from  boto3']

try:
    glacier.complete_multipart_upload(
        **vault, uploadId=upload_id, archiveSize=str(len(data)), checksum='0' * 64
    )
    raise AssertionError('a wrong tree hash was accepted')
except ClientError as error:
    assert error.response['Error']['Code'] == 'InvalidParameterValueException', error

with open(file, 'rb') as source:
    tree_hash = calculate_tree_hash(source)
done = glacier.complete_multipart_upload(
    **vault, uploadId=upload_id, archiveSize=str(len(data)), checksum=tree_hash
)
assert done['checksum'] == tree_hash

job = glacier.initiate_job(
    **vault, jobParameters={'Type': 'archive-retrieval', 'ArchiveId': done['archiveId']}
)
got = glacier.get_job_output(**vault, jobId=job['jobId'])
assert got['checksum'] == tree_hash
assert got['archiveDescription'] == 'from  boto3'
with open(output, 'wb') as sink:
    sink.write(got['body'].read())

single = glacier.upload_archive(**vault, body=b'x' * (2 * MIB + 5))
inventory = glacier.initiate_job(**vault, jobParameters={'Type': 'inventory-retrieval'})
listed = glacier.get_job_output(**vault, jobId=inventory['jobId'])['body'].read()
assert single['archiveId'].encode() in listed
for archive_id in (single['archiveId'], done['archiveId']):
    glacier.delete_archive(**vault, archiveId=archive_id)
glacier.delete_vault(**vault)
glacier.get_waiter('vault_not_exists').wait(**vault)
print(hashlib.sha256(data).hexdigest())
