<?php
$config = [
    'admin' => ['core:AdminPassword'],
    'people' => [
        'exampleauth:UserPass',
        '@LOGIN@:@PASSWORD@' => [
            'mail' => ['@LOGIN@'],
            'displayName' => ['Olive Example'],
            'groups' => ['eng', 'admins'],
        ],
    ],
];
