"""Drives the vault through boto v2's high-level uploaders, as Debian still ships them."""
import hashlib
import io
import sys

from boto.glacier.concurrent import ConcurrentUploader
from boto.glacier.layer2 import Layer2
from boto.glacier.utils import chunk_hashes, tree_hash
from boto.glacier.writer import Writer, resume_file_upload
from boto.regioninfo import RegionInfo

port, key, secret, file, output = sys.argv[1:6]
MIB = 1 << 20
connection = {
    'aws_access_key_id': key,
    'aws_secret_access_key': secret,
    'is_secure': False,
    'port': int(port),
    'region': RegionInfo(name='us-east-1', endpoint='127.0.0.1'),
}
layer2 = Layer2(**connection)
api = layer2.layer1
# Otherwise guessed from the host name, which here is an address.
api._auth_handler.region_name = 'us-east-1'
api._auth_handler.service_name = 'glacier'
api.create_vault('boto2')
vault = layer2.get_vault('boto2')
with open(file, 'rb') as source:
    data = source.read()


def retrieve(archive_id):
    job_id = api.initiate_job('boto2', {'Type': 'archive-retrieval', 'ArchiveId': archive_id})['JobId']
    answer = api.get_job_output('boto2', job_id)
    return answer.read(), answer['TreeHash']


# Ten threads; parts of 4 MiB.
archive_id = ConcurrentUploader(api, 'boto2').upload(file, 'from ConcurrentUploader')
received, received_hash = retrieve(archive_id)
assert received == data
assert received_hash == tree_hash(chunk_hashes(data)).hex()
with open(output, 'wb') as sink:
    sink.write(received)

# A stream of unknown length, written in odd pieces.
writer = vault.create_archive_writer(part_size=MIB, description='from Writer')
assert isinstance(writer, Writer)
for start in range(0, len(data), 300_001):
    writer.write(data[start : start + 300_001])
writer.close()
assert retrieve(writer.get_archive_id())[0] == data

# Resumed: one part is there already, one has other bytes, the rest is missing.
upload_id = api.initiate_multipart_upload('boto2', MIB, 'resumed')['UploadId']
text = 'abcdefghijklmnop' * (3 * MIB // 16) + 'tail'
raw = text.encode()
first, wrong = raw[:MIB], b'z' * MIB
for start, part in ((0, first), (MIB, wrong)):
    hashes = chunk_hashes(part)
    api.upload_part(
        'boto2',
        upload_id,
        hashlib.sha256(part).hexdigest(),
        tree_hash(hashes).hex(),
        (start, start + len(part) - 1),
        part,
    )
listed = api.list_parts('boto2', upload_id)
assert listed['Marker'] is None
known = {
    int(part['RangeInBytes'].split('-')[0]) // MIB: bytes.fromhex(part['SHA256TreeHash'])
    for part in listed['Parts']
}
assert sorted(known) == [0, 1]
# Its Python 3 port encodes what it reads, so the file must give text.
resumed = resume_file_upload(vault, upload_id, MIB, io.StringIO(text), known)
assert retrieve(resumed)[0] == raw

assert len(api.list_jobs('boto2')['JobList']) == 3
for archive in (archive_id, writer.get_archive_id(), resumed):
    api.delete_archive('boto2', archive)
api.delete_vault('boto2')
