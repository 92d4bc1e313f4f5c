<?php
// How it answers stands in the file `how` beside the configuration: what is signed, and whether the assertion is encrypted.
// This version encrypts with AES-CBC alone, to the key of the gateway's metadata.
$how = trim(file_get_contents('@FOLDER@/how'));
$metadata['@URL@/idp'] = [
    'host' => '__DEFAULT__',
    'privatekey' => 'idp.pem',
    'certificate' => 'idp.crt',
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
