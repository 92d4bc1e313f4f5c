<?php
// How it answers stands in the file `how` beside the configuration: what is signed, and whether the assertion is encrypted.
// This version encrypts with AES-CBC alone, to the key of the gateway's metadata. The file `keys` names the key that signs, and
// then the one that the metadata shows beside it.
$keys = explode(' ', trim(file_get_contents('@FOLDER@/keys')));
$how = trim(file_get_contents('@FOLDER@/how'));
$metadata['@URL@/idp'] = [
    'host' => '__DEFAULT__',
    'privatekey' => "$keys[0].pem",
    'certificate' => "$keys[0].crt",
    'auth' => 'people',
    'saml20.sign.assertion' => $how !== 'response',
    'saml20.sign.response' => $how !== 'assertion',
    'assertion.encryption' => $how === 'encrypted',
    'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    'redirect.validate' => true,
    'sign.logout' => true,
    'validate.logout' => true,
    // Persistent is the first of the formats that the gateway's metadata asks for.
    'authproc' => [
        3 => [
            'class' => 'saml:AttributeNameID',
            'attribute' => 'mail',
            'Format' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
        ],
    ],
];
if (isset($keys[1])) {
    $metadata['@URL@/idp'] += ['new_privatekey' => "$keys[1].pem", 'new_certificate' => "$keys[1].crt"];
}
